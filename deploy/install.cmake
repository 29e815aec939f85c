# cmake --install: programs, templates, rules, units, manual pages, completions, documents. deploy/package.cmake makes
# the package from the same list.
include(GNUInstallDirs)
install(TARGETS anycastctl RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS anycastd RUNTIME DESTINATION ${CMAKE_INSTALL_SBINDIR})
install(DIRECTORY templates/ DESTINATION ${CMAKE_INSTALL_DATADIR}/anycastd/templates)
install(DIRECTORY probes/ DESTINATION ${CMAKE_INSTALL_DATADIR}/anycastd/probes PATTERN tests EXCLUDE)
install(FILES deploy/grafana/anycastd.json DESTINATION ${CMAKE_INSTALL_DATADIR}/anycastd/grafana)
install(FILES deploy/grafana/provisioning.yml DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples/grafana)
install(DIRECTORY deploy/docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES README.md CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES deploy/debian/copyright DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES deploy/debian/lintian-overrides RENAME anycastd
  DESTINATION ${CMAKE_INSTALL_DATADIR}/lintian/overrides)
install(FILES deploy/example/anycastd.yaml DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)
install(DIRECTORY deploy/systemd/drop-ins DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)
install(FILES deploy/systemd/anycastd.service deploy/systemd/anycastd-boot.service
  DESTINATION lib/systemd/system)
install(FILES deploy/systemd/sysusers.d/anycastd.conf DESTINATION lib/sysusers.d)
install(FILES deploy/systemd/tmpfiles.d/anycastd.conf DESTINATION lib/tmpfiles.d)
install(FILES deploy/systemd/anycastd.catalog DESTINATION lib/systemd/catalog)

# made(FILE COMMAND DEPENDS...): a file of the build folder that a shell command prints, compressed where it ends in .gz.
set(made_files)
function(made file command)
  set(out ${CMAKE_BINARY_DIR}/made/${file})
  get_filename_component(folder ${out} DIRECTORY)
  set(last "")
  if(file MATCHES "[.]gz$")
    set(last " | gzip -9n")
  endif()
  add_custom_command(OUTPUT ${out} DEPENDS ${ARGN}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${folder}
    COMMAND sh -c "${command}${last} >${out}" VERBATIM)
  set(made_files ${made_files} ${out} PARENT_SCOPE)
endfunction()

made(anycastctl.bash "$<TARGET_FILE:anycastctl> completion bash" anycastctl)
made(_anycastctl "$<TARGET_FILE:anycastctl> completion zsh" anycastctl)
made(anycastctl.fish "$<TARGET_FILE:anycastctl> completion fish" anycastctl)
made(anycastd.schema.json "$<TARGET_FILE:anycastctl> schema" anycastctl)
made(changelog.gz "cat ${CMAKE_SOURCE_DIR}/deploy/debian/changelog" ${CMAKE_SOURCE_DIR}/deploy/debian/changelog)
set(made ${CMAKE_BINARY_DIR}/made)
install(FILES ${made}/anycastctl.bash RENAME anycastctl
  DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${made}/_anycastctl DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions)
install(FILES ${made}/anycastctl.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
install(FILES ${made}/anycastd.schema.json DESTINATION ${CMAKE_INSTALL_DATADIR}/anycastd)
install(FILES ${made}/changelog.gz DESTINATION ${CMAKE_INSTALL_DOCDIR})

find_program(SCDOC scdoc)
find_package(Python3 COMPONENTS Interpreter)
if(SCDOC AND Python3_FOUND)
  set(page_of "sh ${CMAKE_SOURCE_DIR}/deploy/man/page.sh")
  # The page about the configuration is made from the table that also reads it.
  set(config_page ${CMAKE_SOURCE_DIR}/deploy/man/config_page.py)
  made(anycastd.yaml.5.gz "$<TARGET_FILE:anycastctl> schema | ${Python3_EXECUTABLE} ${config_page} | ${page_of}"
    anycastctl ${config_page} ${CMAKE_SOURCE_DIR}/deploy/man/page.sh)
  install(FILES ${made}/anycastd.yaml.5.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man5)
  file(GLOB pages CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/deploy/man/*.scd)
  foreach(source ${pages})
    get_filename_component(page ${source} NAME_WLE)
    string(REGEX MATCH "[0-9]$" section ${page})
    made(${page}.gz "${page_of} <${source}" ${source} ${CMAKE_SOURCE_DIR}/deploy/man/page.sh)
    install(FILES ${made}/${page}.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
  endforeach()
endif()
add_custom_target(made ALL DEPENDS ${made_files})
include(deploy/package.cmake)
