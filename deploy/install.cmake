# cmake --install: programs, template, units, manual pages, the example. Packages are made from the same list.
include(GNUInstallDirs)
install(TARGETS anycastctl RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS anycastd RUNTIME DESTINATION ${CMAKE_INSTALL_SBINDIR})
install(DIRECTORY templates/ DESTINATION ${CMAKE_INSTALL_DATADIR}/anycastd/templates)
install(FILES deploy/example/anycastd.yaml DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)
install(DIRECTORY probes/ DESTINATION ${CMAKE_INSTALL_DATADIR}/anycastd/probes PATTERN tests EXCLUDE)
install(DIRECTORY deploy/docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES deploy/systemd/anycastd.service deploy/systemd/anycastd-boot.service
  DESTINATION lib/systemd/system)

find_program(SCDOC scdoc)
find_package(Python3 COMPONENTS Interpreter)
if(SCDOC AND Python3_FOUND)
  # The page about the configuration is made from the table that also reads it.
  set(fields ${CMAKE_BINARY_DIR}/man/anycastd.yaml.5)
  add_custom_command(OUTPUT ${fields} DEPENDS anycastctl ${CMAKE_SOURCE_DIR}/deploy/man/config_page.py
    COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/man
    COMMAND sh -c "exec $<TARGET_FILE:anycastctl> schema | ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/deploy/man/config_page.py | ${SCDOC} >${fields}"
    VERBATIM)
  list(APPEND made_pages ${fields})
  install(FILES ${fields} DESTINATION ${CMAKE_INSTALL_MANDIR}/man5)
  file(GLOB pages CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/deploy/man/*.scd)
  foreach(source ${pages})
    get_filename_component(page ${source} NAME_WLE)
    string(REGEX MATCH "[0-9]$" section ${page})
    set(made ${CMAKE_BINARY_DIR}/man/${page})
    add_custom_command(OUTPUT ${made} DEPENDS ${source}
      COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/man
      COMMAND sh -c "exec ${SCDOC} <${source} >${made}" VERBATIM)
    list(APPEND made_pages ${made})
    install(FILES ${made} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
  endforeach()
  add_custom_target(man ALL DEPENDS ${made_pages})
endif()
