# cpack -G DEB: one package with what deploy/install.cmake installs. Its scripts change no announcement.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME anycastd)
set(CPACK_PACKAGE_CONTACT "anycastd maintainers <maintainers@anycastd.example>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_SET_DESTDIR OFF)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "adduser, tzdata")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "bird2")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "prometheus, prometheus-blackbox-exporter")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
"steers anycast announcements by the measured quality of paths
Runs beside BIRD on every node that announces an anycast prefix. Reads probe
samples from Prometheus, judges delay, loss and jitter per carrier, decides
how attractively each upstream should hear the prefix, applies that with a
way back, and says why. Nothing is started before there is a configuration,
and mode observe changes nothing.")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
  "${CMAKE_SOURCE_DIR}/deploy/debian/postinst;${CMAKE_SOURCE_DIR}/deploy/debian/prerm;${CMAKE_SOURCE_DIR}/deploy/debian/postrm")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
include(CPack)
